/**
 * Histories that once went wrong, and what was found. Played in every test run. A seed is another history once the steps have
 * changed, so what can be shown in a few lines has a test of its own as well.
 */
export const failedSeeds: readonly (readonly [seed: number, what: string])[] = [
  [340, 'a snapshot that was taken while its volume was being removed outlived it'],
  [815, 'a container that was being written while another was synchronized counted as durable and was not'],
  [1436, 'a container of recipes was sealed for want of memory between looking and writing: the engine died'],
  [31128, 'a collection that was cut short removed mirrors that the journal still counted on'],
  [30253, 'the same'],
  [8_420_039, 'a failed fdatasync was told to one that ran beside that of a commit, which went on'],
  [38020, 'who was reading when the engine failed was told that his tape is damaged'],
  [
    777_006_263,
    'superblocks that were written and not durable when the process was killed were taken for durable by the next one',
  ],
  [777_003_669, 'the same'],
  [
    91_008_080,
    'a head that could not be read was not looked for at the end of its container, nor in its mirror',
  ],
];
