import { before, describe } from 'node:test';
import { appsAndPatches, appsBind } from './four-hosts/apps.ts';
import { badInput } from './four-hosts/bad-input.ts';
import { brokenOperations } from './four-hosts/broken-operations.ts';
import { chattyAndInterrupted } from './four-hosts/chatty-and-interrupted.ts';
import { clusterLife } from './four-hosts/cluster-life.ts';
import { reviewedAndTakenBack } from './four-hosts/reviewed-and-taken-back.ts';
import { buildImage, imageBind, useScenario } from './scenario-image.ts';

/** One lab for everything that does not change server and agents themselves: to set one up takes longer than most of its tests. */
describe('Seal on four hosts', () => {
  const seal = useScenario(['m1', 'm2', 'n1', 'n2'], { bare: ['bare'], serverBinds: [imageBind, appsBind] });
  before(() => buildImage(seal()));
  badInput(seal);
  clusterLife(seal);
  brokenOperations(seal);
  reviewedAndTakenBack(seal);
  chattyAndInterrupted(seal);
  appsAndPatches(seal);
});
