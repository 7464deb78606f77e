/**
 * Loaded into seal-server or seal-agent of a test host by NODE_OPTIONS=--import (see `kill-orders.ts`): kills its own process with SIGKILL
 * at one durable write, which the file named by SEAL_KILL_AT orders. Nothing of it is in the programs themselves.
 *
 * A write is, in the server, a COMMIT of a transaction that adds to the operation log (operations, events, outputs); in the agent, an
 * append to its journal. The order is taken away right before the kill, so that the next life goes on.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DatabaseSync, StatementSync } from 'node:sqlite';

interface Order {
  /** The write does not happen · it happens and nothing after it · its first half is written (agent only). */
  readonly side: 'before' | 'after' | 'torn';
  /** Which of the writes that fit, from 1, counted since the order was given. */
  readonly nth: number;
  /** A regular expression that the written text must hold; every write fits without it. */
  readonly match?: string;
}

const file = process.env.SEAL_KILL_AT ?? '';
let orderText = '';
let seen = 0;

/** The order, when it is this write's turn. */
function due(written: string): Order | undefined {
  const text = readOrder();
  if (text === undefined) return undefined;
  if (text !== orderText) seen = 0;
  orderText = text;
  const order = JSON.parse(text) as Order;
  if (order.match !== undefined && !new RegExp(order.match).test(written)) return undefined;
  seen += 1;
  return seen === order.nth ? order : undefined;
}

function readOrder(): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function die(): never {
  unlinkSync(file);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive after SIGKILL');
}

function watchDatabase(): void {
  const { exec } = DatabaseSync.prototype;
  const { run } = StatementSync.prototype;
  let written: string[] = [];
  StatementSync.prototype.run = function (this: StatementSync, ...values: unknown[]) {
    const table = /^\s*INSERT INTO (operations|events|outputs)\b/.exec(this.sourceSQL)?.[1];
    if (table) written.push([table, ...values.filter((value) => typeof value === 'string')].join(' '));
    return run.apply(this, values as Parameters<typeof run>);
  } as typeof run;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    if (sql.startsWith('BEGIN')) written = [];
    const order = sql === 'COMMIT' && written.length > 0 ? due(written.join('\n')) : undefined;
    if (order?.side === 'before') die();
    exec.call(this, sql);
    if (order) die();
  };
}

async function watchJournal(): Promise<void> {
  const handle = await open('/dev/null', 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { appendFile } = prototype;
  prototype.appendFile = async function (this: FileHandle, data: string | Uint8Array) {
    const text = Buffer.from(data).toString('utf8');
    const order = /^[0-9a-f]{8} \{"type":/.test(text) ? due(text) : undefined;
    if (order?.side === 'before') die();
    await appendFile.call(this, order?.side === 'torn' ? text.slice(0, Math.floor(text.length / 2)) : data);
    if (order) die();
  };
}

if (file !== '') {
  watchDatabase();
  await watchJournal();
}
