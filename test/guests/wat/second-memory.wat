;; Sleeps, then takes 7.5 MiB in a memory that it doesn't export, and sleeps with them.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory $first (export "memory") 1)
  (memory $second 1)
  (data (memory $first) (i32.const 8) "\10\00\00\00\05\00\00\00")
  (data (memory $first) (i32.const 16) "held\n")
  ;; A subscription to the monotonic clock, 200,000,000 ns from now.
  (data (memory $first) (i32.const 112) "\01\00\00\00\00\00\00\00\00\c2\eb\0b")
  (func $doze (drop (call $poll_oneoff (i32.const 96) (i32.const 256) (i32.const 1) (i32.const 512))))
  (func (export "_start")
    (call $doze)
    (drop (memory.grow $second (i32.const 120)))
    (call $doze)
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))
