/** Face of what tests share. */
export type { Answer, FakeTaskOptions, SenseView } from './fake-task.js';
export { FakeTask, fakeNexus, send, viewSense } from './fake-task.js';
export { top } from './top.js';
