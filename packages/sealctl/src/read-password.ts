import { Problem } from '@seal/foundation';
import type { Cli } from './cli.ts';

/** More is no password but a file given by mistake. */
const maximumBytes = 64 * 1024;

/**
 * A password from stdin (its last line break is not part of it) or typed unseen at a terminal; never from the command line, where other
 * users of the machine see it. Problem: USAGE.
 */
export async function readPassword(cli: Cli, question: string, fromStdin: boolean): Promise<string> {
  if (!fromStdin && !cli.io.canAsk)
    throw new Problem('USAGE', 'there is no terminal to ask for the password on', {
      remedy: 'Give it on stdin: "… --password-stdin < FILE".',
    });
  const text = fromStdin ? await cli.io.readInput(maximumBytes) : await cli.io.askSecret(question);
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new Problem('USAGE', `the password is empty${fromStdin ? ' (nothing came on stdin)' : ''}`);
  return password;
}
