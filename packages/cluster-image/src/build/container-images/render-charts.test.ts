import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { inWorkshop } from '../test-workshop.ts';
import { chartValues } from './chart-values.ts';

/**
 * A DOUBLE of helm, since Debian has none: "template RELEASE CHART [--kube-version V] [--values F|--set K=V]…" prints each template of the
 * chart below "# Source:", with {{ .image }} replaced by the last "image: …" of values.yaml, of --values files and of --set.
 */
const helmDouble = `#!/bin/sh
set -eu
[ "$1" = template ] || exit 1
release=$2 chart=$3
shift 3
if grep -q broken "$chart/Chart.yaml"; then echo 'Error: execution error at (x.yaml:1:2): no image given' >&2; exit 1; fi
image=$(sed -n 's/^image: //p' "$chart/values.yaml")
while [ $# -gt 0 ]; do
  case $1 in
    --values) image=$(sed -n 's/^image: //p' "$2") ;;
    --set) image=\${2#image=} ;;
    --kube-version) ;;
    *) exit 1 ;;
  esac
  shift 2
done
for template in "$chart"/templates/*; do
  echo '---'
  echo "# Source: $(basename "$chart")/templates/$(basename "$template")"
  sed "s,{{ .image }},$image," "$template"
done
`;

/** Runs `work` with that double as the only helm in the PATH. */
async function withHelmDouble(directory: string, work: () => Promise<void>): Promise<void> {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'helm'), helmDouble);
  await chmod(join(bin, 'helm'), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${bin}:${before}`;
  try {
    await work();
  } finally {
    process.env.PATH = before;
  }
}

const chart = (folder: string, name = 'x') => ({
  [`${folder}/Chart.yaml`]: `name: ${name}\n`,
  [`${folder}/values.yaml`]: 'image: web:1\n',
  [`${folder}/templates/deploy.yaml`]: 'kind: Pod\nspec:\n  image: {{ .image }}\n',
});

function missing(pulled: string[]) {
  return {
    puller: {
      async pullImage({ text }: { text: string }): Promise<never> {
        pulled.push(text);
        throw new Problem('IMAGE_NOT_FOUND', 'no');
      },
    },
  };
}

test('collects what helm makes of charts, with the values of the chart and of APPCMDS, and names the template', () =>
  inWorkshop(({ write, build, directory }) =>
    withHelmDouble(directory, async () => {
      await write({
        ...chart('charts/web'),
        ...chart('charts/web/charts/sub'),
        ...chart('shop'),
        'shop/prod.yaml': 'image: shop:2\n',
      });
      const kubefile = [
        'FROM scratch',
        'LABEL cluster.alpha.sealer.io/cluster-runtime-version=v1.20.2',
        'COPY charts charts',
        'APP shop local://shop',
        'APPCMDS shop ["helm install shop .", "-f prod.yaml"]',
        'APP till local://shop',
        'APPCMDS till ["helm upgrade --install till . --set \'image=till:3\'"]',
      ].join('\n');
      const pulled: string[] = [];
      await assert.rejects(build(kubefile, { images: missing(pulled) }), (thrown) => {
        assert.match(
          (thrown as Problem).message,
          /^charts\/web\/templates\/deploy\.yaml \(rendered by helm\): the image docker\.io\/library\/web:1 /m,
        );
        return true;
      });
      assert.deepEqual(pulled.toSorted(), ['docker.io/library/shop:2', 'docker.io/library/till:3', 'docker.io/library/web:1']);
    }),
  ));

test('warns of a chart that helm refuses, with what helm says', () =>
  inWorkshop(({ write, build, directory, progress }) =>
    withHelmDouble(directory, async () => {
      await write(chart('charts/web', 'broken'));
      await build('FROM scratch\nCOPY . .\n', { images: missing([]) });
      const [warning] = progress.flatMap((each) => (each.kind === 'warning' ? [each.message] : []));
      assert.match(
        warning ?? '',
        /^charts\/web is a Helm chart and helm cannot render it \(Error: .*no image given\): .*add them to imageList/,
      );
    }),
  ));

test('warns of every chart where there is no helm', () =>
  inWorkshop(async ({ write, build, progress }) => {
    await write({ ...chart('charts/web'), ...chart('charts/db') });
    const before = process.env.PATH;
    // What a build without RUN needs of the PATH is nothing.
    process.env.PATH = '/nonexistent';
    try {
      await build('FROM scratch\nCOPY . .\n', { images: missing([]) });
    } finally {
      process.env.PATH = before;
    }
    const warnings = progress.flatMap((each) => (each.kind === 'warning' ? [each.message] : []));
    assert.deepEqual(
      warnings.map((text) => text.split(' is a Helm chart and there is no program helm in the PATH')[0]),
      ['charts/db', 'charts/web'],
    );
  }));

test('reads the values out of the commands of an app as a shell does', () => {
  assert.deepEqual(chartValues(['helm install x . -f a.yaml --values=b.yaml', `--set 'a=b c' --set-string "d=\\"e" --wait`]), [
    ...['--values', 'a.yaml', '--values', 'b.yaml'],
    ...['--set', 'a=b c', '--set-string', 'd="e'],
  ]);
});
