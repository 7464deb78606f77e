import { type ProblemCodeInfo, problemCodes } from '@seal/foundation';

/** docs/problems.md, from the closed table of codes. */
export function problemsPage(): string {
  const rows = Object.entries(problemCodes).map(
    ([code, info]: [string, ProblemCodeInfo]) =>
      `## ${code}\n\nExit code ${info.exit}, gRPC ${info.grpc}.\n\n${info.summary}\n\n**What to do:** ${info.remedy}\n`,
  );
  return `# Problems

Every error of Seal has one of these codes. The message says what, which value and which bound; the remedy printed below it says what to do in that
case and is more exact than the general one here. Exit codes are explained in [exit-codes.md](exit-codes.md).
This page is written by \`npm run gen\` from \`packages/foundation/src/problem-codes.ts\`.

${rows.join('\n')}`;
}
