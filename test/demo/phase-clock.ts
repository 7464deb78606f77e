/** Times of the demo's parts, for its last page. */
export class PhaseClock {
  readonly #rows: { title: string; seconds: number }[] = [];
  readonly #startedAt = performance.now();

  /** Runs one part under a headline. */
  async phase<T>(title: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    console.log(`\n\x1b[1m==> ${title}\x1b[0m`);
    const result = await work();
    const seconds = (performance.now() - begun) / 1000;
    this.#rows.push({ title, seconds });
    console.log(`    done in ${seconds.toFixed(1)} s`);
    return result;
  }

  /** A line per part and the sum. */
  table(): string {
    const total = (performance.now() - this.#startedAt) / 1000;
    const width = Math.max(...this.#rows.map((row) => row.title.length), 5);
    const rows = [...this.#rows, { title: 'in all', seconds: total }];
    return rows.map((row) => `  ${row.title.padEnd(width)}  ${row.seconds.toFixed(1).padStart(7)} s`).join('\n');
  }
}
