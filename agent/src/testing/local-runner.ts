import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@seal/foundation';
import type { Effect, Probe, Step, StepArgs, StepKind } from '@seal/plan';
import { bootId } from '../host/boot-id.ts';
import { LayerStore } from '../host/layer-store.ts';
import { linuxProcesses } from '../host/linux-process.ts';
import { MountRecord } from '../host/mount-record.ts';
import { RootfsMounts } from '../host/rootfs-mounts.ts';
import { runProbe } from '../host/run-probe.ts';
import { FileSpool } from '../runner/file-spool.ts';
import { Journal } from '../runner/journal.ts';
import type { JournalFile } from '../runner/journal-file.ts';
import { openJournalFile } from '../runner/linux-journal-file.ts';
import type { Finished, Log, RunnerLimits } from '../runner/runner-ports.ts';
import type { StepKey } from '../runner/step-key.ts';
import { StepRunner } from '../runner/step-runner.ts';
import { stepHandlers } from '../steps/handlers.ts';
import type { StepHandlers } from '../steps/step-handler.ts';

export const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface Report {
  readonly type: 'accepted' | 'started' | 'finished';
  readonly key: StepKey;
  readonly finished?: Finished;
}

export interface LocalRunnerOptions {
  readonly directory: string;
  readonly onReport?: (report: Report) => void;
  readonly limits?: Partial<RunnerLimits>;
  readonly bootId?: string;
  readonly journalFile?: JournalFile;
  readonly handlers?: Partial<StepHandlers>;
  readonly log?: Log;
  readonly clock?: Clock;
}

/** A runner over real processes and files below a directory of its own. */
export class LocalRunner {
  /** Those of a directory, to be closed with it. */
  static readonly #opened = new Map<string, LocalRunner[]>();
  readonly runner: StepRunner;
  readonly spool: FileSpool;
  readonly journal: Journal;
  readonly reports: Report[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(options: LocalRunnerOptions, journal: Journal) {
    const { directory } = options;
    const report = (entry: Report) => {
      this.reports.push(entry);
      options.onReport?.(entry);
      for (const look of this.#waiting) look();
    };
    const source = { open: () => Promise.reject(new Error('this test has no server')) };
    const layers = new LayerStore({
      stateDirectory: directory,
      source,
      unpackLayer: () => Promise.reject(new Error('not here')),
      mounted: async () => [],
      keepUnusedMs: 0,
      clock: systemClock,
    });
    const rootfs = {
      unpackLayer: async () => undefined,
      mount: async () => undefined,
      unmount: async () => undefined,
      layOver: async () => undefined,
      renderTemplates: async () => [],
    };
    const record = new MountRecord(join(directory, 'mounts.json'));
    const mounts = new RootfsMounts({ rootfs, layers, record, stateDirectory: directory });
    const hostsFile = join(directory, 'hosts');
    this.journal = journal;
    this.spool = new FileSpool(join(directory, 'spool'));
    this.runner = new StepRunner(
      {
        journal,
        spool: this.spool,
        processes: linuxProcesses({ spoolRoot: join(directory, 'spool'), runDirectory: join(directory, 'run') }),
        handlers: {
          ...stepHandlers({ clock: systemClock, layers, mounts, hostsFile, ownDirectories: [directory] }),
          ...options.handlers,
        },
        clock: options.clock ?? systemClock,
        log: options.log ?? silentLog,
        bootId: options.bootId ?? bootId(),
        runProbe,
        reports: {
          accepted: (key) => report({ type: 'accepted', key }),
          started: (key) => report({ type: 'started', key }),
          finished: (key, finished) => report({ type: 'finished', key, finished }),
        },
      },
      { concurrentSteps: 8, cancelGraceSeconds: 0.3, probeSeconds: 5, ...options.limits },
    );
  }

  static async open(options: LocalRunnerOptions): Promise<LocalRunner> {
    const file = options.journalFile ?? (await openJournalFile(join(options.directory, 'journal', 'log')));
    const local = new LocalRunner(options, await Journal.open(file, systemClock));
    LocalRunner.#opened.set(options.directory, [...(LocalRunner.#opened.get(options.directory) ?? []), local]);
    await local.runner.recover();
    return local;
  }

  static async closeAll(directory: string): Promise<void> {
    for (const { runner, journal } of LocalRunner.#opened.get(directory) ?? []) {
      runner.stop();
      await journal.close();
    }
    LocalRunner.#opened.delete(directory);
  }

  /** Resolves with the first report that fits, past or future. */
  wait(fits: (report: Report) => boolean): Promise<Report> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.reports.find(fits);
        if (!found) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async outcome(step: string, attempt = 1): Promise<Finished> {
    const report = await this.wait(({ type, key }) => type === 'finished' && key.step === step && key.attempt === attempt);
    if (!report.finished) throw new Error('a finished report without an outcome');
    return report.finished;
  }

  async output(step: string, stream: 1 | 2 = 1, attempt = 1): Promise<Buffer> {
    const key = { step, attempt };
    return Buffer.from(await this.spool.read(key, stream, 0, await this.spool.size(key, stream)));
  }
}

/** A directory for one test, removed after it. */
export async function withAgentDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'seal-agent-'));
  try {
    await body(directory);
  } finally {
    await LocalRunner.closeAll(directory);
    await rm(directory, { recursive: true, force: true });
  }
}

export interface StepOptions {
  readonly effect?: Effect;
  readonly probe?: Probe;
  readonly timeoutSeconds?: number;
}

/** A step of any kind for one test. */
export function testStep<K extends StepKind>(id: string, kind: K, args: StepArgs[K], options: StepOptions = {}): Step {
  const { effect = 'idempotent', probe, timeoutSeconds = 60 } = options;
  return { id, title: id, node: 'node-1', kind, args, effect, timeoutSeconds, ...(probe ? { probe } : {}) } as Step;
}

/** A step that runs shell text. */
export function shellStep(id: string, script: string, options: StepOptions = {}): Step {
  return testStep(id, 'run-command', { argv: ['/bin/sh', '-c', script], env: {} }, options);
}

export interface CommandOptions {
  readonly attempt?: number;
  readonly epoch?: number;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A command for the runner. */
export function command(
  step: Step,
  { attempt = 1, epoch = 1, secrets = {} }: CommandOptions = {},
): Parameters<StepRunner['run']>[0] {
  const values = Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value)] as const);
  return { operation: 'op-1', step, attempt, epoch, secrets: new Map(values) };
}
