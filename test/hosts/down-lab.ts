import { Lab } from './lab.ts';

/** `node test/hosts/down-lab.ts NAME…` removes labs; without a name it lists those that exist. */
const names = process.argv.slice(2);
for (const name of names) await Lab.remove(name);
if (names.length === 0) {
  for (const name of Lab.names())
    process.stdout.write(`${name}${Lab.open(name)?.isStale() === true ? ' (its creator is gone)' : ''}\n`);
}
