import type { Cli } from '../cli.ts';
import { openLocalStore } from '../image-store.ts';
import { readArch } from '../platform.ts';
import { fields, printData, table } from '../print-data.ts';
import { sinceText, sizeText } from '../view/durations.ts';

/** `sealctl inspect IMAGE`: the JSON has reference, references, digest, indexDigest, platforms, arch, sizeBytes, addedAtMs, labels, manifest, config. */
export async function inspectImage(cli: Cli, name: string, flags: { store?: string; platform?: string }): Promise<void> {
  const arch = readArch(flags.platform);
  const image = await (await openLocalStore(cli, flags.store)).inspect(name, arch);
  await printData(cli, image, async () => {
    const { config, manifest } = image;
    const { readExtension } = await import('@seal/cluster-image');
    const { kind, apps, launch } = readExtension(manifest, config);
    const head = await fields(cli, [
      ['Image', image.references.join(', ') || '<none>'],
      ['Digest', image.digest],
      ['Platform', `${config.os}/${config.architecture}`],
      ...image.platforms
        .slice(image.indexDigest ? 0 : 1)
        .map(({ os, arch, digest }) => [`Of index`, `${os}/${arch} ${digest}`] as const),
      ['Kind', kind ?? ''],
      ['Apps', apps.map(({ name, type }) => (type ? `${name} (${type})` : name)).join(', ')],
      ['Launch', launch.join(', ')],
      ['Size', sizeText(image.sizeBytes)],
      ['Added', sinceText(image.addedAtMs, cli.io.clock.now())],
      ['Cmd', (config.config?.Cmd ?? []).join(' ; ')],
      ...Object.entries(image.labels).map(([key, value]) => [`Label ${key}`, value] as const),
      ...(config.config?.Env ?? []).map((pair) => ['Env', pair] as const),
    ]);
    const history = (config.history ?? []).filter((entry) => !entry.empty_layer);
    const layers = await table(
      cli,
      ['layer', 'size', 'made by'],
      manifest.layers.map((layer, index) => [layer.digest.slice(7, 19), sizeText(layer.size), history[index]?.created_by ?? '']),
    );
    return `${head}\n\n${layers}`;
  });
}
