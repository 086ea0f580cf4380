;; Logs for ever, a thousand bytes of "a" each time.
(module
  (import "gojinn" "host_log" (func $host_log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 1000))
    (loop $again
      (call $host_log (i32.const 1) (i32.const 0) (i32.const 1000))
      (br $again))))
