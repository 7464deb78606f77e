import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { writeFileAtomically } from './write-file-atomically.ts';

const schema = z.record(z.string(), z.object({ layers: z.array(z.string()) }));

export type MountedRootfs = z.infer<typeof schema>[string];

/** Which rootfs this host should have mounted, in a small file that survives a reboot. Keys are mount points. */
export class MountRecord {
  readonly #path: string;
  /** INVARIANT: changes take turns; each is read, changed and written whole. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Readonly<Record<string, MountedRootfs>>> {
    try {
      return schema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error;
    }
  }

  add(mountPoint: string, mounted: MountedRootfs): Promise<void> {
    return this.#change((all) => ({ ...all, [mountPoint]: mounted }));
  }

  remove(mountPoint: string): Promise<void> {
    return this.#change((all) => Object.fromEntries(Object.entries(all).filter(([key]) => key !== mountPoint)));
  }

  #change(change: (all: Readonly<Record<string, MountedRootfs>>) => Record<string, MountedRootfs>): Promise<void> {
    const mine = this.#turn.then(async () => {
      const data = Buffer.from(`${JSON.stringify(change(await this.read()), undefined, 2)}\n`);
      await writeFileAtomically(this.#path, data, 0o600);
    });
    this.#turn = mine.catch(() => undefined); // the failure is told to whoever asked for this change
    return mine;
  }
}
