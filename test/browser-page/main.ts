/** The API of pages on the window, for a test to call. */
import * as espalier from '../../src/web/index.ts';

Object.assign(window, { espalier });
