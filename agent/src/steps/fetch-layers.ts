import type { LayerRef, StepArgs } from '@seal/plan';
import pLimit from 'p-limit';
import type { LayerStore } from '../host/layer-store.ts';
import type { StepContext, StepHandler } from './step-handler.ts';

/** Layers fetched at a time: one does not fill a fast link while the other is unpacked. */
const concurrentLayers = 2;
const printEveryBytes = 64 * 1024 * 1024;

/** Problems: NODE_DISK_FULL, BLOB_FETCH_FAILED, BLOB_DIGEST_MISMATCH, those of unpacking. */
export function fetchLayers(layers: LayerStore): StepHandler<StepArgs['fetch-layers']> {
  return {
    place: 'agent',
    async perform({ image, layers: wanted }, context) {
      const limit = pLimit(concurrentLayers);
      await context.print(`${image}: ${wanted.length} layers, ${mebibytes(sum(wanted))} MiB`);
      const results = await Promise.all(wanted.map((layer) => limit(() => fetchOne(layers, layer, context))));
      const fetched = wanted.filter((_, position) => results[position] === 'fetched');
      await context.print(
        `fetched ${fetched.length} layers, ${mebibytes(sum(fetched))} MiB; ${wanted.length - fetched.length} were there`,
      );
      return 'SUCCEEDED';
    },
  };
}

async function fetchOne(layers: LayerStore, layer: LayerRef, { signal, print }: StepContext): Promise<'there' | 'fetched'> {
  const name = layer.digest.slice(0, 19);
  let printed = 0;
  let lines: Promise<void> = Promise.resolve();
  const result = await layers.ensure(layer, signal, (bytes) => {
    if (bytes - printed < printEveryBytes) return;
    printed = bytes;
    lines = lines.then(() => print(`${name}: ${mebibytes(bytes)} of ${mebibytes(layer.sizeBytes)} MiB`));
  });
  await lines;
  if (result === 'fetched') await print(`${name}: ${mebibytes(layer.sizeBytes)} MiB, unpacked`);
  return result;
}

function sum(layers: readonly LayerRef[]): number {
  return layers.reduce((bytes, layer) => bytes + layer.sizeBytes, 0);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
