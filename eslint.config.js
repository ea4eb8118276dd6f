// Lint rules: the type-checked recommended set, plus the house rules a linter can see.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What Node offers to plain JavaScript files without an import. */
const NODE_GLOBALS = {
  URL: 'readonly',
  process: 'readonly',
  console: 'readonly',
  Buffer: 'readonly',
  setTimeout: 'readonly',
};

const plain = tseslint.configs.disableTypeChecked;

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'bench/peers/**/*.c'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'node:child_process',
              importNames: ['exec', 'execSync'],
              message: 'No shell: use spawn or execFile.',
            },
          ],
        },
      ],
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
      'prefer-const': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/require-await': 'off',
      'no-control-regex': 'off',
    },
  },
  // Tests take apart what a helper returns, and vitest's matchers are `any`.
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/unbound-method': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs'], ...plain, languageOptions: { ...plain.languageOptions, globals: NODE_GLOBALS } },
);
