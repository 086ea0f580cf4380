/** Users in memory: each worker has its own, and forgets them when it is replaced. Real state goes into a store. */
export interface User {
  readonly id: number;
  readonly name: string;
}

export const users = new Map<number, User>([[1, { id: 1, name: "Ada Lovelace" }]]);
