import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Problem } from '@seal/foundation';
import { execa } from 'execa';
import type { BuildContext, BuildState } from '../build-state.ts';
import type { Chart } from './chart.ts';
import { chartValues } from './chart-values.ts';
import { rootfsFiles } from './rootfs-files.ts';

/** One manifest that helm made of a template. */
export interface RenderedTemplate {
  readonly text: string;
  /** For messages: "charts/web/templates/deployment.yaml (rendered by helm)". */
  readonly place: string;
}

const versionLabel = 'cluster.alpha.sealer.io/cluster-runtime-version';
const mostSeconds = 120;

/**
 * What `helm template` of the PATH makes of charts of the rootfs, with the values of the chart and those that APPCMDS give. A chart that
 * cannot be rendered, or every chart where there is no helm, is a warning that names it.
 */
export async function renderCharts(
  context: BuildContext,
  state: BuildState,
  charts: readonly Chart[],
): Promise<RenderedTemplate[]> {
  if (charts.length === 0) return [];
  const folder = context.session.path('charts');
  await unpack(context, state, charts, folder);
  const rendered: RenderedTemplate[] = [];
  for (const chart of charts) {
    if (context.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
    const result = await renderChart(context, state, chart, folder);
    if (typeof result !== 'string') rendered.push(...result);
    else {
      const message = `${chart.path} is a Helm chart and ${result}: the images that only it names are not collected; add them to imageList`;
      context.onProgress({ kind: 'warning', message });
    }
  }
  return rendered;
}

/** Also what lies around the charts in apps: their commands may name files of values there. */
async function unpack(context: BuildContext, state: BuildState, charts: readonly Chart[], folder: string): Promise<void> {
  const roots = charts.map(({ app, path }) => (app === undefined ? path : `application/apps/${app}`));
  const wanted = (path: string) => roots.some((root) => path === root || path.startsWith(`${root}/`));
  for (const [path, bytes] of await rootfsFiles(context, state, wanted)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

/** The templates, or why there are none. */
async function renderChart(
  context: BuildContext,
  state: BuildState,
  { path, app }: Chart,
  folder: string,
): Promise<RenderedTemplate[] | string> {
  const cwd = app === undefined ? join(folder, posix.dirname(path)) : join(folder, 'application/apps', app);
  const release = (app ?? posix.basename(path))
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 53);
  const version = /^v?1\.\d+\.\d+$/.exec(state.labels.get(versionLabel) ?? '')?.[0];
  const values = app === undefined ? [] : chartValues(state.apps.get(app)?.cmds ?? []);
  const args = ['template', release, join(folder, path), ...(version ? ['--kube-version', version] : []), ...values];
  const home = context.session.path('helm');
  const result = await execa('helm', args, {
    cwd,
    reject: false,
    timeout: mostSeconds * 1000,
    stdin: 'ignore',
    extendEnv: false,
    // What helm finds of the user's (plugins, a cluster) must not alter what is built.
    env: {
      PATH: process.env.PATH,
      HOME: home,
      HELM_CACHE_HOME: home,
      HELM_CONFIG_HOME: home,
      HELM_DATA_HOME: home,
      KUBECONFIG: '/dev/null',
    },
    ...(context.signal ? { cancelSignal: context.signal } : {}),
  });
  if (result.isCanceled) throw new Problem('CANCELLED', 'the build was cancelled');
  if (result.code === 'ENOENT') return 'there is no program helm in the PATH that could render it';
  if (result.timedOut) return `helm did not render it within ${mostSeconds} s`;
  if (result.exitCode !== 0) return `helm cannot render it (${lastLine(result.stderr) ?? result.shortMessage})`;
  return templatesOf(result.stdout, path);
}

/** Helm writes before each manifest of which template it is. */
function templatesOf(output: string, chart: string): RenderedTemplate[] {
  return output
    .split(/^---\s*$/m)
    .filter((text) => text.trim() !== '')
    .map((text) => {
      const template = /^# Source: [^/\s]+\/(\S+)$/m.exec(text)?.[1];
      return { text, place: `${template === undefined ? chart : `${chart}/${template}`} (rendered by helm)` };
    });
}

function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1);
}
