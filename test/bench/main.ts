import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchEngine } from './engine.ts';
import { benchImages } from './images.ts';

/**
 * `npm run bench [-- SECTION… --write]`: takes the figures of docs/benchmarks.md now, on this machine, and prints them; with `--write` they
 * are put in the place of that section there. All sections by default.
 */
const sections: Readonly<Record<string, () => Promise<string>>> = { engine: benchEngine, images: benchImages };
const page = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

const named = process.argv.slice(2).filter((word) => word !== '--write');
const unknown = named.filter((name) => sections[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`there is no section ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}\n`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : Object.keys(sections)) {
  const taken = `Taken by \`npm run bench -- ${name}\` on ${machine()}`;
  const text = `${taken}\n\n${await sections[name]?.()}`;
  process.stdout.write(`${text}\n\n`);
  if (process.argv.includes('--write')) write(name, text);
}

/** Puts a section between its two marks. */
function write(name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->\n`];
  const whole = readFileSync(page, 'utf8');
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${name}: ${begin.trim()} … ${end.trim()}`);
  writeFileSync(page, `${whole.slice(0, from)}${begin}\n${text}\n\n${whole.slice(to)}`);
}

function machine(): string {
  const [cpu] = cpus();
  const load = loadavg()[0]?.toFixed(1);
  return `${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}; load when it began: ${load}.`;
}
