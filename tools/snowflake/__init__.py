"""What can be checked about the Snowflake target without a Snowflake account: an emulator job and a static gate."""
