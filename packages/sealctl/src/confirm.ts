import { Problem } from '@seal/foundation';
import type { Cli } from './cli.ts';

/**
 * Goes on only when the user says yes. `sure`: was said on the command line already.
 * Problems: CONFIRMATION_REQUIRED without a terminal, CANCELLED when the answer is not yes.
 */
export async function confirm(cli: Cli, question: string, sure: boolean): Promise<void> {
  if (sure) return;
  if (!cli.io.canAsk)
    throw new Problem('CONFIRMATION_REQUIRED', `"${question}" was not answered: there is no terminal to ask on`, {
      remedy: 'Nothing was changed. Run the command with --yes if that is what you want.',
    });
  const answer = (await cli.io.ask(`${question} [y/N] `)).trim().toLowerCase();
  if (answer !== 'y' && answer !== 'yes')
    throw new Problem('CANCELLED', 'the question was not answered with yes', { remedy: 'Nothing was changed.' });
}
