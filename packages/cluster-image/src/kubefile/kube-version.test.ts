import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKubeVersionConstraint, kubeVersionFits } from './kube-version.ts';

test('reads constraints with blanks, commas, alternatives and ranges', () => {
  const cases: [string, string, boolean | undefined][] = [
    ['>=1.20, <1.24', 'v1.20.2', true],
    ['>= 1.20 < 1.24', 'v1.24.0', false],
    ['1.20.x || ~1.22.3', 'v1.22.9', true],
    ['1.18 - 1.20', '1.20.15', true],
    ['>=1.20', 'v1.28.4+k3s1', true],
    ['>=1.20', 'v1.20.0-rc.1', true],
    ['v1.20.2', 'v1.20.2', true],
    ['nonsense', 'v1.20.2', undefined],
    ['>=1.20', 'latest', undefined],
  ];
  for (const [constraint, version, fits] of cases)
    assert.equal(kubeVersionFits(constraint, version), fits, `${constraint} ${version}`);
  assert.deepEqual(['>=1.20', '', '!=1.20'].map(isKubeVersionConstraint), [true, false, false]);
});
