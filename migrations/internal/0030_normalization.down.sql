drop table normalized_codings;
drop table normalizations;
drop table code_maps;
drop table normalization_policies;
