import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem, sha256Digest } from '@seal/foundation';
import type { LayerRef } from '@seal/plan';
import { withAgentDirectory } from '../testing/local-runner.ts';
import { LayerStore } from './layer-store.ts';
import { MountRecord } from './mount-record.ts';
import { RootfsMounts } from './rootfs-mounts.ts';

const hour = 3600_000;
const { signal } = new AbortController();

/** A store of layers whose blobs are their own names; rootfs are mounted nowhere. */
class Node {
  now = Date.UTC(2026, 0, 1);
  fetched: string[] = [];
  /** What unpacking says as long as more layers than this are there. */
  room = Number.POSITIVE_INFINITY;
  readonly directory: string;
  readonly layers: LayerStore;
  readonly mounts: RootfsMounts;

  constructor(directory: string) {
    this.directory = directory;
    const record = new MountRecord(join(directory, 'mounts.json'));
    const names = new Map(['a', 'b', 'c', 'd'].map((name) => [layer(name).digest, name]));
    this.layers = new LayerStore({
      stateDirectory: directory,
      source: {
        open: async (digest) => {
          this.fetched.push(names.get(digest)!);
          return {
            offset: 0,
            body: (async function* () {
              yield Buffer.from(names.get(digest)!);
            })(),
          };
        },
      },
      unpackLayer: async (_, target) => {
        if ((await this.there()).length >= this.room) throw new Problem('NODE_DISK_FULL', 'no room');
        await mkdir(target);
        await utimes(target, 0, 0); // times of an image, not of its use
      },
      mounted: async () => Object.values(await record.read()).flatMap((mounted) => mounted.layers),
      keepUnusedMs: 2 * hour,
      clock: { now: () => this.now, setTimer: () => () => undefined },
    });
    const nothing = async () => undefined;
    const rootfs = { unpackLayer: nothing, mount: nothing, unmount: nothing, layOver: nothing, renderTemplates: async () => [] };
    this.mounts = new RootfsMounts({ rootfs, layers: this.layers, record, stateDirectory: join(directory, 'rootfs') });
  }

  async run(mountPoint: string, ...names: string[]): Promise<void> {
    for (const name of names) await this.layers.ensure(layer(name), signal);
    await this.mounts.mount(
      mountPoint,
      names.map((name) => layer(name).digest),
      {},
    );
  }

  async there(): Promise<string[]> {
    const has = ['a', 'b', 'c', 'd'].map(async (name) => ((await this.layers.has(layer(name).digest)) ? [name] : []));
    return (await Promise.all(has)).flat();
  }
}

function layer(name: string): LayerRef {
  return { digest: sha256Digest(name), sizeBytes: 1, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
}

test('a layer stays for a while after its last rootfs is gone, then it is removed; one that is used stays', () =>
  withAgentDirectory(async (directory) => {
    const node = new Node(directory);
    await node.run('/one', 'a', 'b');
    await node.run('/two', 'b', 'c');
    node.now += 10 * hour;
    await node.mounts.unmount('/one');
    assert.deepEqual(await node.there(), ['a', 'b', 'c']);
    node.now += 3 * hour;
    await node.layers.sweep();
    assert.deepEqual(await node.there(), ['b', 'c']);
    await node.run('/one', 'a');
    assert.deepEqual(node.fetched, ['a', 'b', 'c', 'a']);
  }));

test('layers of the version before go when a rootfs was made anew of others', () =>
  withAgentDirectory(async (directory) => {
    const node = new Node(directory);
    await node.run('/one', 'a', 'b');
    node.now += hour;
    await node.run('/one', 'a', 'c');
    node.now += 3 * hour;
    await node.layers.sweep();
    assert.deepEqual(await node.there(), ['a', 'c']);
    assert.deepEqual((await readdir(join(directory, 'layers'))).filter((name) => name.endsWith('.used')).length, 2);
  }));

test('a layer that was fetched and is not mounted yet is not taken away, however long it takes', () =>
  withAgentDirectory(async (directory) => {
    const node = new Node(directory);
    await node.layers.ensure(layer('a'), signal);
    node.now += 100 * hour;
    await node.layers.sweep(-1);
    assert.deepEqual(await node.there(), ['a']);
  }));

test('unused layers make room at once when the disk is full; without any the Problem comes', () =>
  withAgentDirectory(async (directory) => {
    const node = new Node(directory);
    await node.run('/one', 'a', 'b');
    await node.run('/two', 'c');
    node.room = 3;
    await assert.rejects(node.layers.ensure(layer('d'), signal), { code: 'NODE_DISK_FULL' });
    assert.deepEqual(await node.there(), ['a', 'b', 'c']);
    await node.mounts.unmount('/one');
    assert.equal(await node.layers.ensure(layer('d'), signal), 'fetched');
    assert.deepEqual(await node.there(), ['c', 'd']);
  }));

test('a layer whose time nobody knows counts from when it was first seen; half a blob that nobody wants goes', () =>
  withAgentDirectory(async (directory) => {
    const node = new Node(directory);
    const name = layer('a').digest.replace(':', '-');
    await mkdir(join(directory, 'layers', name), { recursive: true });
    await mkdir(join(directory, 'blobs'));
    const partial = join(directory, 'blobs', `${name}.partial`);
    await writeFile(partial, 'x');
    await utimes(partial, node.now / 1000, node.now / 1000);
    await node.layers.sweep();
    node.now += hour;
    await node.layers.sweep();
    assert.deepEqual([await node.there(), existsSync(partial)], [['a'], true]);
    node.now += 2 * hour;
    await node.layers.sweep();
    assert.deepEqual([await node.there(), existsSync(partial)], [[], false]);
  }));
