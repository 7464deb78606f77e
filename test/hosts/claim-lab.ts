import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labPaths, labsDirectory } from './lab-paths.ts';
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/**
 * Makes this process the only one that makes or removes the lab of that name, until it ends. Returns undefined when it is that now,
 * else the process id of the one that is. A claim whose process is dead counts for nothing.
 */
export function claimLab(name: string): number | undefined {
  labPaths(name);
  mkdirSync(labsDirectory(), { recursive: true });
  // Not the name of a lab: those begin with a letter.
  const claim = join(labsDirectory(), `.${name}.claim`);
  const holder = readClaim(claim);
  if (holder !== undefined && isAlive(holder)) return holder.pid === process.pid ? undefined : holder.pid;
  rmSync(claim, { force: true });
  const own = `${claim}.${process.pid}`;
  writeFileSync(own, JSON.stringify(ownIdentity()));
  try {
    linkSync(own, claim);
  } catch (error) {
    // Somebody was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readClaim(claim)?.pid;
    throw error;
  } finally {
    rmSync(own);
  }
  process.once('exit', () => rmSync(claim, { force: true }));
  return undefined;
}

function readClaim(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
