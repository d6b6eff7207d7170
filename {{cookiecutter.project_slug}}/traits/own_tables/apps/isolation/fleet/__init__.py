"""The fleet: migrating and comparing tenants that have tables of their own."""
