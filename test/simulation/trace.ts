/** What happened in a run, line by line: kept when it is to be shown, and always hashed, so that two runs can be compared. */
export class Trace {
  readonly lines: string[] = [];
  readonly #keep: boolean;
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  /** Time in ms since the world began, who, what. */
  note(at: number, who: string, what: string): void {
    const line = `${(at / 1000).toFixed(3).padStart(9)} ${who.padEnd(10)} ${what}`;
    for (let index = 0; index < line.length; index += 1) {
      const code = line.charCodeAt(index);
      this.#low = Math.imul(this.#low ^ code, 0x01000193);
      this.#high = Math.imul(this.#high ^ code, 0x85ebca6b) + 1;
    }
    if (this.#keep) this.lines.push(line);
  }

  /** 16 hex digits: the same for the same lines. */
  get hash(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
