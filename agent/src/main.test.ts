import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { shellStep, testStep, withAgentDirectory } from './testing/local-runner.ts';
import { ServerDouble } from './testing/server-double.ts';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));

/** The agent's program, against a server on loopback. */
class Agent {
  readonly directory: string;
  log = '';
  #child: ChildProcess | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  flags(): string[] {
    const config = join(this.directory, 'agent.yaml');
    const settings = {
      stateDirectory: this.directory,
      runDirectory: join(this.directory, 'run'),
      dataRoot: join(this.directory, 'data'),
    };
    writeFileSync(config, JSON.stringify({ ...settings, hostsFile: join(this.directory, 'hosts') }));
    return ['--config', config];
  }

  start(): void {
    this.#child = spawn(process.execPath, [program, 'run', ...this.flags()], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (data) => {
      this.log += data;
    });
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child?.once('exit', resolve));
    child?.kill(signal);
    return gone;
  }

  status() {
    return spawnSync(process.execPath, [program, 'status', ...this.flags()], { encoding: 'utf8' });
  }
}

async function withAgent(body: (agent: Agent, server: ServerDouble) => Promise<void>): Promise<void> {
  await withAgentDirectory(async (directory) => {
    const server = await ServerDouble.start();
    const agent = new Agent(directory);
    try {
      await server.enrol(directory);
      agent.start();
      await body(agent, server);
      await agent.end('SIGKILL');
    } catch (error) {
      await agent.end('SIGKILL');
      process.stderr.write(agent.log);
      throw error;
    } finally {
      server.stop();
    }
  });
}

async function until(holds: () => unknown, what: string): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 2400, `not within 120 s: ${what}`);
    await delay(50);
  }
}

const outcome = (server: ServerDouble, step: string) => server.messages.find(({ finished }) => finished?.step === step)?.finished;

test('over mutual TLS a command runs, streams its output, and leaves nothing behind once all is acknowledged', () =>
  withAgent(async (agent, server) => {
    await until(() => server.sessions === 1, 'a session');
    assert.equal(agent.status().status, 0);
    assert.equal(JSON.parse(agent.status().stdout).connected, true);
    server.run(shellStep('a', 'seq 1 20000'));
    await until(() => outcome(server, 'a'), 'the outcome');
    const expected = Array.from({ length: 20000 }, (_, index) => `${index + 1}\n`).join('');
    await until(() => server.output.get('a/1')?.length === expected.length, 'the output');
    assert.equal(server.output.get('a/1')?.toString(), expected);
    await until(() => readdirSync(join(agent.directory, 'spool')).length === 0, 'an empty spool');
    assert.equal(await agent.end('SIGTERM'), 0);
    assert.equal(agent.status().status, 5);
  }));

test('a step goes on while the server is away and while the agent is killed; its output and outcome arrive once', () =>
  withAgent(async (agent, server) => {
    await until(() => server.sessions === 1, 'a session');
    const marks = join(agent.directory, 'marks');
    server.run(
      shellStep(
        'a',
        `echo one >>${marks}; echo begin; while ! test -e ${agent.directory}/go; do sleep 0.05; done; echo end; exit 3`,
      ),
    );
    await until(() => existsSync(marks), 'the step runs');
    server.stopGrpc();
    await agent.end('SIGKILL');
    agent.start();
    writeFileSync(join(agent.directory, 'go'), '');
    await delay(300);
    await server.startGrpc();
    await until(() => outcome(server, 'a'), 'the outcome');
    await until(() => server.output.get('a/1')?.toString() === 'begin\nend\n', 'the output');
    assert.deepEqual([outcome(server, 'a')?.outcome, outcome(server, 'a')?.exitCode], ['FAILED', 3]);
    assert.equal(readFileSync(marks, 'utf8'), 'one\n');
  }));

test('a flood of 300 MB keeps its head and its tail and does not fill the disk', () =>
  withAgent(async (agent, server) => {
    await until(() => server.sessions === 1, 'a session');
    server.run(
      shellStep('a', 'echo first; head -c 300000000 /dev/zero | tr "\\0" "x"; echo; echo last', { timeoutSeconds: 120 }),
    );
    await until(() => outcome(server, 'a'), 'the outcome');
    assert.equal(outcome(server, 'a')?.stdoutBytes, 300_000_000 + 6 + 1 + 5);
    const chunks = () => server.messages.flatMap(({ output }) => (output ? [output] : []));
    await until(
      () => readdirSync(join(agent.directory, 'spool')).length === 0 || chunks().some(({ droppedBytes }) => droppedBytes > 0),
      'a gap',
    );
    assert.ok(chunks()[0]?.data.toString().startsWith('first\n'));
  }));

test('layers come over HTTPS with the certificate of the node, go on after a cut, and make a rootfs', () =>
  withAgent(async (agent, server) => {
    await until(() => server.sessions === 1, 'a session');
    const tree = join(agent.directory, 'tree');
    mkdirSync(join(tree, 'scripts'), { recursive: true });
    writeFileSync(join(tree, 'scripts/hello.sh.tmpl'), 'echo hello {{ .Name }}\n');
    writeFileSync(join(tree, 'big'), Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => (index * index) % 251)));
    const blob = gzipSync(spawnSync('tar', ['-C', tree, '-c', '.'], { maxBuffer: 1e9 }).stdout, { level: 1 });
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
    server.blobs.set(digest, blob);
    server.cutAfter = Math.floor(blob.length * 0.99);
    const layers = [{ digest, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', sizeBytes: blob.length }];
    server.run(testStep('fetch', 'fetch-layers', { image: 'demo:1', layers }));
    await until(() => outcome(server, 'fetch'), 'the layers');
    assert.deepEqual([outcome(server, 'fetch')?.outcome, outcome(server, 'fetch')?.problem], ['SUCCEEDED', undefined]);
    assert.equal(server.ranges.length, 2);
    assert.match(server.ranges[1] ?? '', /^bytes=[1-9]/);
    const mountPoint = join(agent.directory, 'data/demo/rootfs');
    server.run(testStep('mount', 'mount-rootfs', { mountPoint, layers, env: { Name: 'world' } }));
    await until(() => outcome(server, 'mount'), 'the rootfs');
    assert.equal(outcome(server, 'mount')?.problem, undefined);
    server.run(testStep('script', 'run-script', { rootfs: mountPoint, script: 'hello.sh', args: [], env: {}, optional: false }));
    await until(() => server.output.get('script/1')?.toString() === 'hello world\n', 'the script');
    await until(
      () => server.messages.some(({ facts }) => (facts?.rootfs as string[] | undefined)?.includes('demo')),
      'facts with the rootfs',
    );
    server.run(testStep('unmount', 'unmount-rootfs', { mountPoint }));
    await until(() => outcome(server, 'unmount'), 'no rootfs');
    assert.equal(outcome(server, 'unmount')?.problem, undefined);
    assert.ok(!existsSync(mountPoint));
  }));

test('a certificate past the middle of its life is renewed, and the next session has the new one', () =>
  withAgentDirectory(async (directory) => {
    const server = await ServerDouble.start();
    const agent = new Agent(directory);
    try {
      // Backdated by 5 minutes: with 60 s left it is past the middle.
      await server.enrol(directory, 60);
      const before = readFileSync(join(directory, 'identity/node.crt'), 'utf8');
      agent.start();
      await until(() => /certificate renewed/.test(agent.log), 'a renewal');
      assert.notEqual(readFileSync(join(directory, 'identity/node.crt'), 'utf8'), before);
      // Sent again until it is done: the first may go to the session that is ending.
      await until(() => outcome(server, 'a') || void server.run(shellStep('a', `echo ran >>${directory}/marks`)), 'the outcome');
      assert.equal(readFileSync(join(directory, 'marks'), 'utf8'), 'ran\n');
      assert.equal(server.renewals, 1);
    } catch (error) {
      process.stderr.write(agent.log);
      throw error;
    } finally {
      await agent.end('SIGKILL');
      server.stop();
    }
  }));

test('a host that is not enrolled, a second agent and wrong settings end with the reason and its exit code', () =>
  withAgent(async (agent, server) => {
    await until(() => server.sessions === 1, 'a session');
    const run = (...flags: string[]) => spawnSync(process.execPath, [program, 'run', ...flags], { encoding: 'utf8' });
    const second = run(...agent.flags());
    assert.deepEqual([second.status, /^seal-agent: AGENT_RUNNING: /.test(second.stderr)], [5, true]);
    const none = run('--state-dir', join(agent.directory, 'none'));
    assert.deepEqual(
      [none.status, /^seal-agent: AGENT_NOT_ENROLLED: /.test(none.stderr), /sealctl token create/.test(none.stderr)],
      [5, true, true],
    );
    const wrong = run('--grpc-port', '99999');
    assert.deepEqual([wrong.status, /AGENT_CONFIG_INVALID.*grpcPort/s.test(wrong.stderr)], [3, true]);
    const usage = run('--frobnicate');
    assert.deepEqual([usage.status, /unknown option/.test(usage.stderr)], [2, true]);
  }));
