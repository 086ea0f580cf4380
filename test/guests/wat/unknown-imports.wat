;; Imports what nobody provides, one of it misspelt.
(module
  (import "wasi_snapshot_preview1" "fd_wriet" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "launch" (func))
  (memory (export "memory") 1)
  (func (export "_start")))
