/** Something stateful that lives on the host and belongs to one sandbox. */
export interface Handle {
  /** Frees what the handle holds; called once, also when the sandbox goes away. */
  close(): void;
}
