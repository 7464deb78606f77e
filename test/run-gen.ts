import { writeFileSync } from 'node:fs';
import { problemsPage } from './architecture/problems-page.ts';

/** `npm run gen`: everything that is generated and committed — TypeScript from proto/, docs/problems.md from the table of codes. */
await import('../packages/protocol/generate.ts');
writeFileSync(new URL('../docs/problems.md', import.meta.url), problemsPage());
process.stdout.write('wrote docs/problems.md\n');
