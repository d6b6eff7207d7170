#!/bin/sh
# Write .env from the example, with a random value for each secret. Keep an existing .env.
set -eu
cd "$(dirname "$0")/.."

if [ -e .env ]; then
    echo "There is an .env; it stays as it is."
    exit 0
fi

random() {
    head -c 48 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n='
}

text=$(
    while IFS= read -r line; do
        case $line in
            [A-Z]*=) printf '%s%s\n' "$line" "$(random)" ;;
            *) printf '%s\n' "$line" ;;
        esac
    done <.env.example
)
# Readable for its owner only. Never overwrite a file that a concurrent run has written.
umask 077
set -C
printf '%s\n' "$text" >.env
echo "Wrote .env with new secrets."
