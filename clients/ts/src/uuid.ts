// Ids that sort by the time of their making: UUID version 7 (RFC 9562).

/** Makes ids that only grow, even if the clock goes back. */
export class Ids {
  #ms = 0;
  #count = 0;

  /** No id made from now on sorts before one that was made at this time. */
  after(ms: number): void {
    if (ms > this.#ms) {
      this.#ms = ms;
      this.#count = 0xfff;
    }
  }

  /** `random` fills the bytes it is given. */
  next(now: number, random: (bytes: Uint8Array<ArrayBuffer>) => void): string {
    if (now > this.#ms) {
      this.#ms = now;
      this.#count = 0;
    } else if (++this.#count > 0xfff) {
      this.#ms++;
      this.#count = 0;
    }
    const bytes = new Uint8Array(8);
    random(bytes);
    bytes[0] = (bytes[0]! & 0x3f) | 0x80;
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
    const time = hex(this.#ms, 12);
    const tail = Array.from(bytes, (byte) => hex(byte, 2)).join('');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(this.#count, 3)}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  }
}
