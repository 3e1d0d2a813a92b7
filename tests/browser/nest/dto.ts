import { IsString, Length } from 'class-validator';

export class JoinDto {
  @IsString()
  @Length(1, 20)
  room!: string;
}

export class SayDto {
  @IsString()
  @Length(1, 20)
  room!: string;

  @IsString()
  @Length(1, 200)
  text!: string;
}
