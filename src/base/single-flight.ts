/** Single flight: of several who want the same thing at the same time, the first does it and all get its result. */
export class SingleFlight<Value> {
  readonly #flights = new Map<string, Promise<Value>>();

  run(key: string, start: () => Promise<Value>): Promise<Value> {
    const joined = this.#flights.get(key);
    if (joined !== undefined) return joined;
    const flight = start().finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }

  /** Nobody joins what is under way any more. */
  partAll(): void {
    this.#flights.clear();
  }

  /** Nobody joins the flight that is under way any more; resolves when it is over. */
  async part(key: string): Promise<void> {
    const flight = this.#flights.get(key);
    this.#flights.delete(key);
    // Its failure is for those who wait for its result.
    await flight?.catch(() => null);
  }
}
