#!/bin/sh
# Create the labels of the repository on GitHub, and update existing ones.
set -eu

while IFS='|' read -r name color description; do
    gh label create "$name" --force --color "$color" --description "$description"
done <<'LABELS'
bug|d73a4a|Something does not do what it says
documentation|0075ca|A page is wrong, missing or hard to follow
enhancement|a2eeef|Something that the product does not do yet
question|d876e3|Somebody wants to know something
security|b60205|Touches what tenants, users or the platform are promised
isolation|5319e7|Touches the isolation layer between tenants
dependencies|0366d6|A newer version of something that the project uses
good first issue|7057ff|Good for a first contribution
LABELS
