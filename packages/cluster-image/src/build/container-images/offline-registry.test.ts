import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createImagePuller } from '../../registry-client/create-image-puller.ts';
import { pushImage } from '../../registry-client/push-image.ts';
import { makeTestImage } from '../../registry-client/test-images.ts';
import { registryHindrance, startTestRegistry } from '../../registry-client/test-registry.ts';
import { openStore } from '../../store/image-store.ts';
import { fails, inWorkshop } from '../test-workshop.ts';

const skopeoHindrance = existsSync('/usr/bin/skopeo') ? undefined : 'SKIPPED: skopeo is not installed (apt-get install skopeo)';
const rootHindrance = process.getuid?.() === 0 ? undefined : 'SKIPPED: needs root, for a network namespace';
const skip = registryHindrance ?? skopeoHindrance ?? rootHindrance ?? false;

/**
 * In a network namespace of its own, with nothing but loopback: docker-registry serves $1, skopeo copies $2… out of it into the OCI layout
 * $1.copied, under the names after the registry.
 */
const pullWithoutNetwork = `set -eu
ip link set lo up
data=$1
shift
printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: "%s"}}\\nhttp: {addr: "127.0.0.1:5000"}\\nlog: {level: error}\\n' "$data" >"$data.yml"
docker-registry serve "$data.yml" 2>"$data.log" &
registry=$!
trap 'kill $registry' EXIT
tries=0
until skopeo inspect --tls-verify=false "docker://127.0.0.1:5000/$1" >/dev/null 2>"$data.err"; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { cat "$data.err" "$data.log" >&2; exit 1; }
  sleep 0.1
done
for name; do skopeo copy -q --src-tls-verify=false "docker://127.0.0.1:5000/$name" "oci:$data.copied:$name"; done
`;

test("what a build collects is served by Debian's docker-registry without network, and imported as an archive", { skip }, () =>
  inWorkshop(async ({ directory, context, write, build, rootfs, store, progress }) => {
    const author = await openStore(join(directory, 'author'));
    const options = { env: {}, home: directory, insecure: true, retryMilliseconds: 10 };
    const digests: Record<string, string> = {};
    const names: string[] = [];
    {
      await using registry = await startTestRegistry();
      for (const name of ['team/web:1', 'team/db:2', 'proxy:3']) {
        const types = name === 'proxy:3' ? 'docker' : 'oci';
        digests[name] = await makeTestImage(author, `${registry.host}/${name}`, [300_000, 10], 'amd64', types);
        await pushImage(author, `${registry.host}/${name}`, options);
        names.push(`${registry.host}/${name}`);
      }
      await write({ imageList: `${names[0]}\n`, 'manifests/db.yaml': `spec: {image: "${names[1]}"}\n` });
      await writeFile(join(directory, 'more'), `${names[2]}\n`);
      const images = { puller: createImagePuller(options), lists: [join(directory, 'more')] };
      await build('FROM scratch\nCOPY . .\n', { images, archs: ['amd64'] });
      await writeFile(join(context, 'manifests/gone.yaml'), `a: b\nimage: ${registry.host}/team/gone:9\n`);
      await fails(
        build('FROM scratch\nCOPY . .\n', { images, archs: ['amd64'], reference: 'other' }),
        'BUILD_INPUT_INVALID',
        /^manifests\/gone\.yaml:2: the image 127.*team\/gone:9 cannot be had: /,
      );
    }
    const { digest } = await store.inspect('test');
    const data = join(await rootfs({ digest } as never), 'registry');
    const script = ['--net', 'sh', '-c', pullWithoutNetwork, 'pull', data, ...Object.keys(digests)];
    execFileSync('unshare', script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const index = JSON.parse(await readFile(join(`${data}.copied`, 'index.json'), 'utf8'));
    const copied = index.manifests.map((each: { digest: string; annotations: Record<string, string> }) => [
      each.annotations['org.opencontainers.image.ref.name'],
      each.digest,
    ]);
    assert.deepEqual(Object.fromEntries(copied)['team/web:1'], digests['team/web:1']);
    assert.equal(copied.length, 3);

    // What scripts/init-kube.sh of examples/kubernetes gives to "ctr images import".
    const rename = 's,^docker/registry/v2/blobs/sha256/../\\([0-9a-f]*\\)/data$,blobs/sha256/\\1,';
    const archive = join(directory, 'collected.tar');
    const parts = ['oci-layout', 'index.json', 'docker/registry/v2/blobs'];
    execFileSync('tar', ['-C', data, `--transform=${rename}`, '-cf', archive, ...parts]);
    const imported = await openStore(join(directory, 'imported'));
    const loaded = await imported.load(archive);
    assert.deepEqual(
      Object.fromEntries(loaded.map(({ reference, digest: each }) => [reference, each])),
      Object.fromEntries(names.map((name, at) => [name, Object.values(digests)[at]])),
    );
    assert.deepEqual(
      progress.filter(({ kind }) => kind === 'warning'),
      [],
    );
  }),
);
