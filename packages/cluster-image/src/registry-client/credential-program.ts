import { Problem } from '@seal/foundation';
import { execa } from 'execa';

/** What a credential helper gives back. */
export interface HelperSecret {
  readonly username: string;
  readonly secret: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Asks `docker-credential-<helper>` for the secret of a key; undefined when it has none. Throws REGISTRY_CONFIG_INVALID. */
export async function getFromHelper(helper: string, key: string, env: Environment): Promise<HelperSecret | undefined> {
  const { failed, stdout, why } = await run(helper, 'get', key, env);
  if (failed) {
    // The protocol has no code for "not there", only these words, printed by all helpers of the Docker project.
    if (/credentials not found/i.test(`${stdout} ${why}`)) return undefined;
    throw helperProblem(helper, 'get', why);
  }
  let found: { Username?: unknown; Secret?: unknown };
  try {
    found = JSON.parse(stdout);
  } catch {
    throw helperProblem(helper, 'get', 'its answer is not JSON');
  }
  if (typeof found?.Username !== 'string' || typeof found.Secret !== 'string')
    throw helperProblem(helper, 'get', 'its answer lacks Username or Secret');
  return { username: found.Username, secret: found.Secret };
}

/** Gives a secret to the helper to keep. Throws REGISTRY_CONFIG_INVALID. */
export async function storeWithHelper(helper: string, key: string, secret: HelperSecret, env: Environment): Promise<void> {
  const input = JSON.stringify({ ServerURL: key, Username: secret.username, Secret: secret.secret });
  const { failed, why } = await run(helper, 'store', input, env);
  if (failed) throw helperProblem(helper, 'store', why);
}

/** Lets the helper forget a secret; false when it had none. Throws REGISTRY_CONFIG_INVALID. */
export async function eraseWithHelper(helper: string, key: string, env: Environment): Promise<boolean> {
  if (!(await getFromHelper(helper, key, env))) return false;
  const { failed, why } = await run(helper, 'erase', key, env);
  if (failed) throw helperProblem(helper, 'erase', why);
  return true;
}

async function run(helper: string, verb: string, input: string, env: Environment) {
  if (!/^[A-Za-z0-9._-]+$/.test(helper))
    throw new Problem('REGISTRY_CONFIG_INVALID', `"${helper}" is not the name of a credential helper`);
  const result = await execa(`docker-credential-${helper}`, [verb], {
    input,
    env,
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
  const why = (result.stderr || (result.failed ? (result.shortMessage ?? '') : '')).split('\n')[0] ?? '';
  return { failed: result.failed, stdout: result.stdout, why };
}

function helperProblem(helper: string, verb: string, why: string): Problem {
  return new Problem('REGISTRY_CONFIG_INVALID', `the credential helper docker-credential-${helper} failed to ${verb}: ${why}`, {
    remedy: 'Install or mend the helper, or take it out of credsStore and credHelpers of the Docker configuration.',
    details: { helper },
  });
}
