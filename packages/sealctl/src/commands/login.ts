import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { Problem } from '@seal/foundation';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';
import { writePrivate } from '../write-private.ts';

interface LoginFlags {
  readonly local?: boolean;
  readonly name?: string;
  readonly role: string;
  readonly as?: string;
  readonly output?: string;
}

/** What a bundle file holds: a whole context, with its key. */
interface Bundle {
  readonly kind: 'seal-login';
  readonly grpcAddress: string;
  readonly httpsAddress: string;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** `sealctl login [FILE]` */
export function addLogin(program: Command, cli: Cli): void {
  program
    .command('login')
    .summary('Make a context: the address of a server and a certificate for it.')
    .description(
      'Make a context: from a bundle FILE, or by issuing an operator certificate (valid 12 h) through the local socket ' +
        'or the current context, which must be that of an admin. With -o the result becomes a bundle for another machine.',
    )
    .argument('[file]', 'bundle that "sealctl login -o" wrote')
    .option('--local', 'issue through the socket of the server on this machine')
    .option('--name <name>', 'whom the certificate names (default: the user name here)')
    .addOption(new Option('--role <role>', 'what it may do').choices(['admin', 'operator', 'reader']).default('operator'))
    .option('--as <context>', 'name of the context that is made (default: host of the server)')
    .option('-o, --output <file>', 'write a bundle to this file (0600) instead of making a context here')
    .addHelpText(
      'after',
      examples(
        'sealctl login --local --name ada --role operator -o ada.seal   # on the server, as root',
        "sealctl login ada.seal --as lab                                # on ada's machine; then delete ada.seal",
      ),
    )
    .action(async (file: string | undefined, flags: LoginFlags) => {
      const bundle = file === undefined ? await issue(cli, flags) : await readBundle(file);
      if (flags.output === undefined) return keep(cli, bundle, flags);
      await writePrivate(flags.output, `${JSON.stringify(bundle, null, 2)}\n`);
      cli.note(
        `Wrote ${flags.output}; it holds a key: move it safely, run "sealctl login ${flags.output}" there, then delete it.`,
      );
    });
}

async function issue(cli: Cli, flags: LoginFlags): Promise<Bundle> {
  const { createKeyPair, makeCsr } = await import('@seal/pki');
  const name = flags.name ?? userInfo().username;
  const client = await cli.connect({ local: flags.local === true });
  const key = await createKeyPair();
  const reply = await client.tokens.issueOperatorCertificate({
    csrPem: await makeCsr(key.privateKey, name),
    role: flags.role,
    name,
  });
  return {
    kind: 'seal-login',
    grpcAddress: reply.grpcAddress,
    httpsAddress: reply.httpsAddress,
    caPem: reply.caPem,
    certificatePem: reply.certificatePem,
    keyPem: key.privateKeyPem,
  };
}

async function readBundle(file: string): Promise<Bundle> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNUSABLE', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  const fields = ['grpcAddress', 'httpsAddress', 'caPem', 'certificatePem', 'keyPem'] as const;
  let bundle: Partial<Bundle>;
  try {
    bundle = JSON.parse(text);
  } catch (cause) {
    throw notABundle(file, 'it is not JSON', cause);
  }
  const missing = fields.filter((field) => typeof bundle?.[field] !== 'string');
  if (bundle?.kind !== 'seal-login' || missing.length > 0) throw notABundle(file, `it lacks ${['kind', ...missing].join(', ')}`);
  return bundle as Bundle;
}

function notABundle(file: string, why: string, cause?: unknown): Problem {
  return new Problem('FILE_UNUSABLE', `${file} is not a login bundle: ${why}`, {
    remedy: 'Make one with "sealctl login --local -o FILE" on the server.',
    cause,
  });
}

async function keep(cli: Cli, bundle: Bundle, flags: LoginFlags): Promise<void> {
  const name = flags.as ?? bundle.grpcAddress.replace(/:\d+$/, '').replace(/[^A-Za-z0-9.-]/g, '');
  const { grpcAddress, httpsAddress, caPem, certificatePem, keyPem } = bundle;
  const store = await cli.contexts();
  await store.write({ name, grpcAddress, httpsAddress, credentials: { caPem, certificatePem, keyPem } });
  await store.use(name);
  cli.note(`The context ${name} is made and is the current one.`);
}
