/** Runs files of tests in this one process, which loads the modules once for all of them: `node together.mjs FILE...`. */
for (const file of process.argv.slice(2)) await import(file);
