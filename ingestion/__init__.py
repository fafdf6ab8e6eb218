"""Landing: source systems into the warehouse, through dlt."""
