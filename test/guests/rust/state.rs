//! State prober: answers with what it finds where it could have left something
//! in an earlier run, then leaves something everywhere: statics, zeroed data,
//! heap, a thread local, a map, a function pointer, the environment,
//! memory's size, a file. With fresh state every answer is the same, but for the
//! file of a folder that may be written. `--twice` does it all again in the same
//! run, which must find something: the prober's own proof.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};

const HEAP_BYTES: usize = 256 * 1024;
const MARK: u8 = 0x5a;

static INITIALISED: AtomicI32 = AtomicI32::new(7);
static ZEROED: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];
static LIST: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ONCE: OnceLock<String> = OnceLock::new();
static CHOSEN: Mutex<fn() -> i32> = Mutex::new(before);
thread_local! {
    static LOCAL: Cell<i32> = const { Cell::new(3) };
    static MAP: RefCell<HashMap<String, i32>> = RefCell::new(HashMap::new());
}

fn before() -> i32 {
    0
}
fn after() -> i32 {
    1
}

fn probe() {
    println!("initialised {}", INITIALISED.load(Relaxed));
    println!("zeroed {}", ZEROED.iter().map(|word| word.load(Relaxed)).sum::<usize>());
    println!("list {}", LIST.lock().unwrap().len());
    println!("once {}", ONCE.get().map_or("none", |text| text));
    println!("thread-local {}", LOCAL.get());
    println!("map {}", MAP.with_borrow(HashMap::len));
    println!("function {}", CHOSEN.lock().unwrap()());
    println!("variable {}", std::env::var("LEFT").unwrap_or("none".into()));
    println!("memory {}", core::arch::wasm32::memory_size(0));
    println!("file {}", std::fs::metadata("state.txt").map_or(0, |found| found.len()));

    INITIALISED.store(-1, Relaxed);
    for word in &ZEROED {
        word.store(1, Relaxed);
    }
    LIST.lock().unwrap().push("left behind".into());
    let _ = ONCE.set("left behind".into());
    LOCAL.set(-1);
    MAP.with_borrow_mut(|map| map.insert("left".into(), 1));
    *CHOSEN.lock().unwrap() = after;
    std::env::set_var("LEFT", "behind");
    std::mem::forget(vec![MARK; HEAP_BYTES]);
    core::arch::wasm32::memory_grow(0, 3);
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open("state.txt") {
        let _ = file.write_all(b"x");
        // Left open on purpose: what a run has opened must not be there in the next.
        std::mem::forget(file);
    }
}

fn main() {
    probe();
    if std::env::args().any(|argument| argument == "--twice") {
        probe();
    }
}
