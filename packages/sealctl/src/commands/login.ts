import { access, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { Problem } from '@seal/foundation';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';
import { addRegistryFlags } from '../registry-flags.ts';
import { isRegistryName, loginToRegistry, type RegistryLoginFlags } from '../registry-login.ts';
import { writePrivate } from '../write-private.ts';

interface LoginFlags extends RegistryLoginFlags {
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

/** `sealctl login [FILE]`, and `sealctl login REGISTRY` as users of Docker and Podman write it */
export function addLogin(program: Command, cli: Cli): void {
  const login = program
    .command('login')
    .summary('Make a context: the address of a server and a certificate for it.')
    .description(
      'Make a context: from a bundle FILE, or by issuing an operator certificate (valid 12 h) through the local socket ' +
        'or the current context, which must be that of an admin. With -o the result becomes a bundle for another machine. ' +
        'A HOST[:PORT] instead of FILE logs in to a registry of images, as "sealctl registry login" does.',
    )
    .argument('[file]', 'bundle that "sealctl login -o" wrote; or the HOST[:PORT] of a registry')
    .option('--local', 'issue through the socket of the server on this machine')
    .option('--name <name>', 'whom the certificate names (default: the user name here)')
    .addOption(new Option('--role <role>', 'what it may do').choices(['admin', 'operator', 'reader']).default('operator'))
    .option('--as <context>', 'name of the context that is made (default: host of the server)')
    .option('-o, --output <file>', 'write a bundle to this file (0600) instead of making a context here')
    .option('-u, --username <name>', 'of a registry: user name')
    .option('--password-stdin', 'of a registry: read the password from stdin');
  addRegistryFlags(login)
    .addHelpText(
      'after',
      examples(
        'sealctl login --local --name ada --role operator -o ada.seal   # on the server, as root',
        "sealctl login ada.seal --as lab                                # on ada's machine; then delete ada.seal",
        'sealctl login registry.example:5000 -u ada',
      ),
    )
    .action(async (file: string | undefined, flags: LoginFlags) => {
      if (file !== undefined && (await meansRegistry(file, flags))) return loginToRegistry(cli, file, flags);
      const bundle = file === undefined ? await issue(cli, flags) : await readBundle(file);
      if (flags.output === undefined) return keep(cli, bundle, flags);
      await writePrivate(flags.output, `${JSON.stringify(bundle, null, 2)}\n`);
      cli.note(
        `Wrote ${flags.output}; it holds a key: move it safely, run "sealctl login ${flags.output}" there, then delete it.`,
      );
    });
}

/** Flags of registries decide; without them what the argument looks like. */
async function meansRegistry(argument: string, flags: LoginFlags): Promise<boolean> {
  const { username, passwordStdin, insecure, tlsVerify, ca, certDir, authfile } = flags;
  if ([username, passwordStdin, insecure, tlsVerify, ca, certDir, authfile].some((value) => value !== undefined)) return true;
  const isFile = await access(argument).then(
    () => true,
    () => false,
  );
  return isRegistryName(argument, isFile);
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
  // Root here may do all through the socket; a context with a smaller role would take that away unasked.
  if (flags.local && cli.io.uid === 0 && (await store.current()) === undefined)
    return cli.note(
      `The context ${name} is made. It is not the current one: root on this machine is admin through the local socket.`,
      `Choose it with "--context ${name}" or "sealctl context use ${name}"; the socket then is "--context local".`,
    );
  await store.use(name);
  cli.note(`The context ${name} is made and is the current one.`);
}
