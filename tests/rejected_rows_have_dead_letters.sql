-- Not compared one to one: a record rejected by several loads in a row is one dead letter.
with rejected as (

    select
        source_name,
        dataset_name,
        sum(rows_rejected) as rejected_rows
    from {{ ref('stg_ops__loads') }}
    group by source_name, dataset_name

),

dead_letters as (

    select
        source_name,
        dataset_name,
        count(*) as dead_letter_rows
    from {{ ref('stg_ops__dead_letters') }}
    group by source_name, dataset_name

),

compared as (

    select
        coalesce(rejected.source_name, dead_letters.source_name) as source_name,
        coalesce(rejected.dataset_name, dead_letters.dataset_name) as dataset_name,
        coalesce(rejected.rejected_rows, 0) as rejected_rows,
        coalesce(dead_letters.dead_letter_rows, 0) as dead_letter_rows
    from rejected
    full outer join dead_letters
        on rejected.source_name = dead_letters.source_name and rejected.dataset_name = dead_letters.dataset_name

)

select * from compared
where (rejected_rows > 0 and dead_letter_rows = 0) or dead_letter_rows > rejected_rows
