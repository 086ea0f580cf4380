;; Grows a table without a maximum until it gets no more, then traps.
(module
  (memory (export "memory") 1)
  (table $kept 1 funcref)
  (func (export "_start")
    (loop $again
      (br_if $again (i32.ne (i32.const -1) (table.grow $kept (ref.null func) (i32.const 100000)))))
    (unreachable)))
