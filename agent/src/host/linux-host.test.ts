import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { factsFromWire, factsToWire } from '@seal/protocol';
import { withAgentDirectory } from '../testing/local-runner.ts';
import { hostAddresses } from './host-addresses.ts';
import { takeNodeFacts } from './linux-host.ts';

test('the facts of this host fit the protocol, name its listeners and the clusters with a rootfs', () =>
  withAgentDirectory(async (directory) => {
    mkdirSync(join(directory, 'demo/rootfs'), { recursive: true });
    mkdirSync(join(directory, 'empty'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const facts = await takeNodeFacts({ dataRoot: directory, agentVersion: '1', now: 5 });
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(factsFromWire(factsToWire(facts)), facts);
    assert.deepEqual(facts.rootfs, ['demo']);
    assert.ok(facts.listeningPorts.includes(port));
    assert.ok(facts.memoryBytes > 2 ** 20 && facts.diskFreeBytes > 0 && facts.bootId.length > 30);
    const later = await takeNodeFacts({ dataRoot: join(directory, 'not/there'), agentVersion: '1', now: 6 });
    assert.ok(!later.listeningPorts.includes(port) && later.diskFreeBytes > 0);
  }));

test('addresses of a host are its global ones, not those of loopback, containers, services or links', () => {
  const info = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
  const interfaces = {
    lo: [info('127.0.0.1', true), info('::1', true)],
    eth0: [info('10.77.1.11'), info('fd00::11'), info('fe80::1')],
    bond1: [info('192.168.4.4'), info('169.254.9.9')],
    cni0: [info('10.244.1.1')],
    'kube-ipvs0': [info('10.96.0.1')],
    docker0: [info('172.17.0.1')],
    veth12ab: [info('10.9.9.9')],
  };
  assert.deepEqual(hostAddresses(interfaces), ['10.77.1.11', 'fd00::11', '192.168.4.4']);
});
