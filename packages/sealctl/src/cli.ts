import { join } from 'node:path';
import type { ContextStore, SealClient } from '@seal/protocol';
import type { Io } from './io.ts';
import { makePaint, type Paint } from './view/paint.ts';

export type OutputFormat = 'table' | 'json' | 'yaml';

/** The flags that every command has. */
export interface GlobalFlags {
  readonly context?: string;
  readonly server?: string;
  /** False with --no-color. */
  readonly color?: boolean;
  readonly quiet?: boolean;
}

/** What the commands of one run of sealctl share. */
export interface Cli {
  readonly io: Io;
  /** The command line without node and script. */
  readonly argv: readonly string[];
  flags: GlobalFlags;
  /** What -o asked for. */
  format: OutputFormat;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Colours for stderr. */
  readonly errorPaint: Paint;
  /** Writes lines to stdout. */
  out(...lines: readonly string[]): void;
  /** Tells the user something beside the output, on stderr; silent with --quiet. */
  note(...lines: readonly string[]): void;
  contexts(): Promise<ContextStore>;
  /** A client of the chosen server, made once. `local`: of this machine's server, whatever is chosen. */
  connect(options?: { readonly local?: boolean }): Promise<SealClient>;
  /** Closes what was opened. */
  close(): void;
}

export function makeCli(io: Io, argv: readonly string[]): Cli {
  const clients = new Map<boolean, SealClient>();
  const colour = (stream: Io['stdout']) =>
    cli.flags.color !== false && !io.env.NO_COLOR && io.env.TERM !== 'dumb' && (stream.isTTY === true || !!io.env.FORCE_COLOR);
  const cli: Cli = {
    io,
    argv,
    flags: {},
    format: 'table',
    get paint() {
      return makePaint(colour(io.stdout));
    },
    get errorPaint() {
      return makePaint(colour(io.stderr));
    },
    out: (...lines) => {
      if (lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`);
    },
    note: (...lines) => {
      if (!cli.flags.quiet && lines.length > 0) io.stderr.write(`${lines.join('\n')}\n`);
    },
    async contexts() {
      const { openContextStore } = await import('@seal/protocol');
      return openContextStore(join(io.env.XDG_CONFIG_HOME || join(io.home, '.config'), 'seal'));
    },
    async connect({ local = false } = {}) {
      const opened = clients.get(local);
      if (opened) return opened;
      const { chooseTarget, connect, localContextName } = await import('@seal/protocol');
      const context = local ? localContextName : cli.flags.context || io.env.SEAL_CONTEXT || undefined;
      const server = local && !cli.flags.server?.startsWith('unix:') ? undefined : cli.flags.server;
      const client = connect(await chooseTarget({ server, context, store: await cli.contexts() }));
      clients.set(local, client);
      return client;
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
  return cli;
}
