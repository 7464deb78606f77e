import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BaseRecipe, baseRecipe, recipeHash } from './base-recipe.ts';
import { pollUntil } from './poll-until.ts';
import { runCommand } from './run-command.ts';

/**
 * The path of the Debian 12 tree that all hosts share as their read-only lower layer. It is built on first use, 20 s to 2 min,
 * and kept in `$SEAL_CACHE` (default /var/cache/seal) under the hash of its recipe. `onProgress` gets plain lines.
 * Two processes that ask at once build it once. Throws when mmdebstrap fails, with its last lines.
 */
export async function baseTree(options: { onProgress?: (line: string) => void } = {}): Promise<string> {
  const cache = process.env.SEAL_CACHE ?? '/var/cache/seal';
  const tree = join(cache, `base-${recipeHash(baseRecipe)}`);
  if (existsSync(tree)) return tree;
  mkdirSync(cache, { recursive: true });
  await pollUntil(() => existsSync(tree) || !otherBuilderAlive(tree) || undefined, {
    timeoutSeconds: 1200,
    everyMilliseconds: 500,
    describe: () => `another process is still building the base tree ${tree}`,
  });
  if (existsSync(tree)) return tree;

  const building = `${tree}.building-${process.pid}`;
  try {
    await bootstrap(baseRecipe, building, options.onProgress);
    finish(baseRecipe, building);
    renameSync(building, tree);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (!existsSync(tree)) throw error;
  }
  return tree;
}

/** Removes what dead builders left; true when one is at work. */
function otherBuilderAlive(tree: string): boolean {
  const prefix = '.building-';
  let alive = false;
  for (const entry of readdirSync(dirname(tree))) {
    const path = join(dirname(tree), entry);
    if (!path.startsWith(`${tree}${prefix}`)) continue;
    const pid = path.slice(tree.length + prefix.length);
    if (existsSync(`/proc/${pid}`)) alive = true;
    else rmSync(path, { recursive: true, force: true });
  }
  return alive;
}

async function bootstrap(recipe: BaseRecipe, directory: string, onProgress?: (line: string) => void): Promise<void> {
  const excluded = ['doc', 'man', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const lines: string[] = [];
  const result = await runCommand(
    'mmdebstrap',
    [
      ...['--mode=root', '--variant=minbase', '--format=directory', `--include=${recipe.packages.join(',')}`],
      '--aptopt=APT::Install-Recommends "false"',
      ...excluded,
      // Nothing may be started while packages are configured in the tree.
      `--essential-hook=printf '#!/bin/sh\\nexit 101\\n' >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"`,
      '--customize-hook=rm -f "$1/usr/sbin/policy-rc.d" "$1/etc/resolv.conf" "$1/etc/hostname"',
      ...[recipe.suite, directory],
      ...(process.env.SEAL_DEBIAN_MIRROR === undefined ? [] : [process.env.SEAL_DEBIAN_MIRROR]),
    ],
    {
      timeoutSeconds: 1200,
      onOutput: (text) => {
        for (const line of text.split(/[\r\n]+/).filter((part) => part.trim() !== '')) {
          lines.push(line);
          if (line.startsWith('I: ')) onProgress?.(`base tree: ${line.slice(3)}`);
        }
      },
    },
  );
  if (result.code !== 0) {
    throw new Error(
      `mmdebstrap could not build the base tree (exit code ${result.code}); it needs Debian's package mirror. Its last lines:\n${lines.slice(-15).join('\n')}`,
    );
  }
}

function finish(recipe: BaseRecipe, tree: string): void {
  for (const unit of recipe.maskedUnits) {
    const link = join(tree, 'etc/systemd/system', unit);
    rmSync(link, { force: true });
    symlinkSync('/dev/null', link);
  }
  for (const [path, { content, mode }] of Object.entries(recipe.files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), mode ?? 0o644);
  }
  // Empty: systemd makes a machine id of its own on each host's first boot.
  writeFileSync(join(tree, 'etc/machine-id'), '');
}
