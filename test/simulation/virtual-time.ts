interface Entry {
  readonly at: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/**
 * Time that moves only from one event to the next. Events of the same moment come in the order in which they were asked for.
 *
 * INVARIANT: between two events every promise that can go on has gone on: an event sees a world at rest.
 */
export class VirtualTime {
  /** Milliseconds since the world began. */
  now = 0;
  /** Events so far. */
  events = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Calls `action` after `milliseconds` (at least 0); the result calls it off. */
  after(milliseconds: number, action: () => void): () => void {
    const entry: Entry = { at: this.now + Math.max(0, milliseconds), order: this.#order++, action };
    this.#push(entry);
    return () => {
      entry.action = undefined;
    };
  }

  /** Lets events happen, one after another, until there are none or `goOn` (asked after each) says no. */
  async run(goOn: () => boolean): Promise<void> {
    for (let entry = this.#pop(); entry; entry = this.#pop()) {
      if (!entry.action) continue;
      this.now = entry.at;
      this.events += 1;
      entry.action();
      await (this.events % 32 === 0 ? aTurnLater() : atRest());
      if (!goOn()) return;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Comes back when no promise is left to go on: only then does Node look at its queue of ticks. */
function atRest(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Lets the machine's own loop turn: nobody hears of unhandled rejections without it. */
function aTurnLater(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
