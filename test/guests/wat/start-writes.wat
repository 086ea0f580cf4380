;; Its start function writes what lies at 16, where the last run has left something
;; else. A passive segment is dropped, so that every request has a new instance.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\10\00\00\00\05\00\00\00")
  (data $text "kept\n")
  (start $write)
  (func $write (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))))
  (func (export "_start")
    (memory.init $text (i32.const 16) (i32.const 0) (i32.const 5))
    (data.drop $text)
    (call $write)))
