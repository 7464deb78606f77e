import { writeFileSync } from 'node:fs';
import { planJsonSchema } from '@seal/protocol/plan-schema';
import { problemsPage } from './architecture/problems-page.ts';

/** `npm run gen`: everything that is generated and committed — TypeScript from proto/, docs/problems.md from the table of codes, docs/plan.schema.json from the shapes. */
await import('../packages/protocol/generate.ts');
writeFileSync(new URL('../docs/problems.md', import.meta.url), problemsPage());
writeFileSync(new URL('../docs/plan.schema.json', import.meta.url), `${JSON.stringify(planJsonSchema(), null, 2)}\n`);
process.stdout.write('wrote docs/problems.md and docs/plan.schema.json\n');
