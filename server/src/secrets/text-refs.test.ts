import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSecretBox } from '@seal/pki';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { makeMaterial } from './make-material.ts';
import { Material } from './material.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-text-refs-'));
after(() => rm(root, { recursive: true }));
const box = openSecretBox(join(root, 'secret.key'), { mayCreate: true });
const fresh = () => new Material(new SqliteStore(openDatabase(':memory:')), box, makeMaterial);
const keep = { keep: true, make: true };
const compare = { keep: false, make: false };

test('one text has one reference in a cluster, which tells nothing of it and is another in another cluster', async () => {
  const material = fresh();
  const [one, other, again] = await material.textRefs('demo', ['geheim', 'other', 'geheim'], keep);
  assert.match(one ?? '', /^cluster\/demo\/text\/[0-9a-f]{32}$/);
  assert.equal(again, one);
  assert.notEqual(other, one);
  assert.deepEqual(await material.textRefs('demo', ['geheim'], compare), [one]);
  assert.notEqual((await material.textRefs('lab', ['geheim'], keep))[0]?.split('/').at(-1), one?.split('/').at(-1));
});

test('a text that is kept can be had by its reference; one that is only compared cannot', async () => {
  const material = fresh();
  const [kept] = await material.textRefs('demo', ['geheim'], keep);
  assert.equal(Buffer.from(await material.resolve(kept ?? '')).toString(), 'geheim');
  const [compared] = await material.textRefs('demo', ['not kept'], compare);
  await assert.rejects(material.resolve(compared ?? ''), { code: 'SECRET_MISSING' });
});

test('a dry run on a new cluster leaves nothing in the store', async () => {
  const material = fresh();
  const [first] = await material.textRefs('demo', ['x'], compare);
  assert.notDeepEqual(await material.textRefs('demo', ['x'], compare), [first]);
  await assert.rejects(material.resolve('cluster/demo/text-key'), { code: 'SECRET_MISSING' });
});
