/** What the exit codes of sealctl mean; docs/exit-codes.md says the same at more length. */
export const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'an operation failed; what succeeded is kept ("sealctl operation resume")'],
  [2, 'wrong use of the command line, or a question that could not be asked (--yes)'],
  [3, 'bad input: a file or value; the message names it'],
  [4, 'not found'],
  [5, 'refused in the present state'],
  [6, 'not allowed'],
  [7, 'the server or a part of the network cannot be reached'],
  [8, 'cancelled or timed out; also Ctrl-C while watching (the operation goes on)'],
  [70, 'a bug in Seal'],
  [141, 'the reader of the output went away (a closed pipe)'],
];

export function exitCodesText(): string {
  return [
    'Exit codes of sealctl:',
    '',
    ...exitCodes.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    '"sealctl exec" ends with the highest exit code that the command had on any node.',
    'With -o json an error is one JSON object on stderr: {"problem": {"code", "message", "remedy", "details"}, "exitCode"}.',
  ].join('\n');
}
