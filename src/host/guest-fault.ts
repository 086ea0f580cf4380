/** A refusal that the guest may see: becomes an error of that name in a JavaScript function, an error code in a WebAssembly one. */
export class GuestFault extends Error {
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}
